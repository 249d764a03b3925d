/** The protocol of loans: by example, and in thousands of simulated histories. */
@NullMarked
package dev.oxbow.pair.loan;

import org.jspecify.annotations.NullMarked;
