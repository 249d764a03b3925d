/**
 * What a process needs before any service of it can start: a runtime directory of its own, a kernel
 * that is new enough, and refusals that say in one sentence what is wrong.
 */
@NullMarked
package dev.oxbow.service.runtime;

import org.jspecify.annotations.NullMarked;
