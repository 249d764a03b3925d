/** Tests of control connections on their way from one process to another. */
@NullMarked
package dev.oxbow.service.control;

import org.jspecify.annotations.NullMarked;
