/**
 * A gateway between a tun and TCP: what is routed into the tun becomes sockets by Bumblebee, is
 * dialled from here, and relayed by a Splicer. All through the public APIs.
 */
@NullMarked
package dev.oxbow.app.gateway;

import org.jspecify.annotations.NullMarked;
