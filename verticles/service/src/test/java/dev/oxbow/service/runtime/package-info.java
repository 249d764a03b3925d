/** Tests of what a process needs before any service of it can start. */
@NullMarked
package dev.oxbow.service.runtime;

import org.jspecify.annotations.NullMarked;
