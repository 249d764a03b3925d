/** Tests of the service and of its Java API. */
@NullUnmarked
package dev.oxbow.bumblebee;

import org.jspecify.annotations.NullUnmarked;
