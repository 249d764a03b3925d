/** What every link to a partner promises. */
@NullMarked
package dev.oxbow.fish.partner;

import org.jspecify.annotations.NullMarked;
