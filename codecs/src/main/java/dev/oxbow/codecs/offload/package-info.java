/**
 * Super-packets: what a kernel with segmentation and checksum offloads hands to a tun and takes
 * from it, cut into packets of a path's size and joined from them. Nothing allocates per packet.
 */
@NullMarked
package dev.oxbow.codecs.offload;

import org.jspecify.annotations.NullMarked;
