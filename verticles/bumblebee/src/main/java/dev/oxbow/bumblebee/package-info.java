/**
 * From IP packets to kernel TCP sockets, without a TCP of our own.
 *
 * <p>A proxy gives a flow: a socket or a tun that carries IP packets. Bumblebee has a network
 * namespace without a name, with a listener in it and a tun for each flow. Packets of the flow are
 * written to the flow's tun with rewritten addresses; the kernel does the handshake; the accepted
 * socket goes to the proxy, and Bumblebee goes on carrying packets between flow and tun for as long
 * as the connection lives. Retransmission, congestion control, SACK, timestamps, TCP_INFO: all of
 * it is the kernel's.
 *
 * <p>What lives in user space is a table of addresses, in a memfd. With the namespace, the tuns,
 * the listeners and the flows it is all that another process needs to go on, so Bumblebee can be
 * replaced while connections live.
 *
 * <p>Not done here: anything but TCP (it is dropped and counted), dialling on, TLS.
 */
@NullMarked
package dev.oxbow.bumblebee;

import org.jspecify.annotations.NullMarked;
