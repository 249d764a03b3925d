/**
 * The data plane: packets of sessions to the tun and back, with a mapping made for every new
 * connection before its first packet goes on. One event loop has all of it.
 */
@NullMarked
package dev.oxbow.fish.session;

import org.jspecify.annotations.NullMarked;
