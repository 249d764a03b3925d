/** What the kernel tells of a TCP connection: struct tcp_info and socket addresses. */
@NullMarked
package dev.oxbow.codecs.tcp;

import org.jspecify.annotations.NullMarked;
