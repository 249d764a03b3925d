/**
 * Who of two nodes may give out ports of which block: loans, without a clock or a link of its own.
 */
@NullMarked
package dev.oxbow.pair.loan;

import org.jspecify.annotations.NullMarked;
