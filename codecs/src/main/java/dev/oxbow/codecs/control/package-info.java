/**
 * Messages of the control protocol: JSON objects whose metadata is carried as it came, byte by
 * byte.
 */
@NullMarked
package dev.oxbow.codecs.control;

import org.jspecify.annotations.NullMarked;
