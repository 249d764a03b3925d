/**
 * Bytes to values and back, without any I/O.
 *
 * <p>What Oxbow exchanges with others is encoded and decoded here and nowhere else, so that it can
 * be tested against bytes that other tools made. Nothing in this module opens, reads, writes or
 * waits; nothing knows Vert.x, an event loop or a descriptor. Decoders never trust their input:
 * whatever comes, they answer with a value or with one exception type that names the field.
 *
 * <ul>
 *   <li>{@code control}: the messages of the control protocol.
 *   <li>{@code fragments}: datagrams put together from fragments, and cut into them.
 *   <li>{@code ip}: IP packets in off-heap memory, read and rewritten in place.
 *   <li>{@code netlink}: messages to and from the kernel about links, routes and sockets.
 *   <li>{@code offload}: super-packets, cut and joined, and struct virtio_net_hdr.
 *   <li>{@code tcp}: struct tcp_info and socket addresses, as the kernel fills them in.
 * </ul>
 */
@NullMarked
package dev.oxbow.codecs;

import org.jspecify.annotations.NullMarked;
