/** Datagrams put together from their fragments, within bounds, and cut into them. */
@NullMarked
package dev.oxbow.codecs.fragments;

import org.jspecify.annotations.NullMarked;
