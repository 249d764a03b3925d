/** Traffic for relays under test: streams whose every byte is known, and talkers at both ends. */
@NullMarked
package dev.oxbow.splicer.load;

import org.jspecify.annotations.NullMarked;
