/** Tests of what services have in hand, and of how they wait for more. */
@NullMarked
package dev.oxbow.service.work;

import org.jspecify.annotations.NullMarked;
