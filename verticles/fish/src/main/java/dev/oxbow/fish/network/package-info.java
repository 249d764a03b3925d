/**
 * What Fish sets up in its network namespace, and puts back when it ends in order: the tun with its
 * routes, the rules of nftables, and settings of the kernel.
 */
@NullMarked
package dev.oxbow.fish.network;

import org.jspecify.annotations.NullMarked;
