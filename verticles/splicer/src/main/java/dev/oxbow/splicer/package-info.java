/**
 * The relay that every proxy writes again and again, done once: zero-copy, half-close,
 * back-pressure, limits, truthful accounting, and both sockets back at the end.
 *
 * <p>Read it in three layers. The API that a proxy codes against is {@link
 * dev.oxbow.splicer.Splicer}, {@link dev.oxbow.splicer.SpliceRequest} and {@link
 * dev.oxbow.splicer.SpliceReport}; requests reach the service through the control protocol or, in
 * the same Vert.x, over the event bus. The service ({@code SplicerVerticle}, {@code RelayService})
 * checks what it is given, counts it against the caller's quota, and puts what comes back into the
 * caller's mailbox; it runs on one event loop. The data plane ({@code relay}) moves the bytes, on
 * several.
 *
 * <p>A relay ends when both directions have ended in order, or early: by a reset, a limit, its
 * owner. One that ends early delivers for up to a second what it had already read; the rest comes
 * back in a pipe. Sockets are never shut down but to pass on an end of stream, never closed but
 * where nobody is left to take them, and their file status flags are restored.
 *
 * <p>Not done here: dialling, accepting, TLS, rate limits. A proxy does these before it hands the
 * sockets over, or after it has them back.
 */
@NullMarked
package dev.oxbow.splicer;

import org.jspecify.annotations.NullMarked;
