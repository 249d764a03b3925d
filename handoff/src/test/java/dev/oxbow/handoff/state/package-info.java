/** Tests of tables in memory that outlives a process. */
@NullMarked
package dev.oxbow.handoff.state;

import org.jspecify.annotations.NullMarked;
