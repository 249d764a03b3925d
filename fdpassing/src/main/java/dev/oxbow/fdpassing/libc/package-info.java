/**
 * The boundary to the C library: raw signatures, checked static methods of the same names, and
 * off-heap memory to pass to them. The only package that knows jnr-ffi.
 */
@NullMarked
package dev.oxbow.fdpassing.libc;

import org.jspecify.annotations.NullMarked;
