/**
 * The origin of the demo: a peer for half-closing, which no web server is, and an HTTP server of
 * the JDK's for machines without nginx.
 */
@NullMarked
package dev.oxbow.app.demo.origin;

import org.jspecify.annotations.NullMarked;
