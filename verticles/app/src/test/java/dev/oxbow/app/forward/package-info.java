/** Tests of the forwarder: addresses, log lines, connections. */
@NullMarked
package dev.oxbow.app.forward;

import org.jspecify.annotations.NullMarked;
