/** Tests of the parts of an upgrade, each by itself; whole upgrades need processes. */
@NullMarked
package dev.oxbow.handoff.upgrade;

import org.jspecify.annotations.NullMarked;
