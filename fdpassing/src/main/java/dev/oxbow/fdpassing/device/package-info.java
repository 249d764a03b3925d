/**
 * Devices and namespaces of the kernel's network stack, as objects that own a descriptor: a network
 * namespace without a name, tuns in it, and netlink sockets with requests and events.
 */
@NullMarked
package dev.oxbow.fdpassing.device;

import org.jspecify.annotations.NullMarked;
