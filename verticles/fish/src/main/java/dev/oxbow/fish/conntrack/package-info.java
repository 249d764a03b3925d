/** The kernel's connection tracking as Fish uses it: entries made, deleted and heard of. */
@NullMarked
package dev.oxbow.fish.conntrack;

import org.jspecify.annotations.NullMarked;
