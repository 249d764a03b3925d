/**
 * IP packets in place: read, judged and rewritten where they lie in memory, and the answers that a
 * router or a host gives of its own accord. No class here allocates per packet, throws because of
 * what a packet holds, or is safe for two threads at once.
 */
@NullMarked
package dev.oxbow.codecs.ip;

import org.jspecify.annotations.NullMarked;
