/**
 * The life of a service as a verticle, the same for all: start, control socket or event bus,
 * hand-over, orderly stop.
 */
@NullMarked
package dev.oxbow.service.verticle;

import org.jspecify.annotations.NullMarked;
