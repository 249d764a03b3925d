/** What each uid holds, and how much it may; and the closing of descriptors that came from it. */
@NullMarked
package dev.oxbow.service.quota;

import org.jspecify.annotations.NullMarked;
