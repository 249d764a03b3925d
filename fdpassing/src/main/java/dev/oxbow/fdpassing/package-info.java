/**
 * Descriptors, from the C library to the Vert.x event loop and to other processes.
 *
 * <p><b>Why.</b> What Oxbow carries for others lives in the kernel: connections, pipes, memory.
 * Java has no word for a thing of the kernel that may be of any kind, that came from another
 * process and that will go on to the next. This module has: a number, an owner, a place in an event
 * loop, and a packet that takes it elsewhere.
 *
 * <p><b>Ownership.</b> A {@link dev.oxbow.fdpassing.descriptor.Descriptor} is the one owner of its
 * number. It is born by {@code adopt}, whether the number comes from a system call or from another
 * process, and it ends by {@code close} or by {@code release}, which gives the number away. Whoever
 * only uses a descriptor takes an {@code int} and closes nothing. Sending one copies it: sender and
 * receiver each own theirs. Two owners never share a number; {@code duplicate} makes another one.
 * Remember that duplicates, in this process or another, share one open file description: the flag
 * O_NONBLOCK, the file offset, shutdown(2) and locks are common, close-on-exec and close(2) are
 * not.
 *
 * <p><b>Three strata.</b> Each system call appears three times. {@code libc.LibC} has the raw
 * signature. {@code libc.Syscalls} and {@code libc.Sockets} have a checked static method of the
 * same name: EINTR is retried, EAGAIN and the end of input are values, anything else is thrown as
 * one exception with the call and the error by name. On top stand objects that own something, each
 * made in two ways that meet: open it, or adopt what was opened elsewhere. So a hand-over needs no
 * third.
 *
 * <p><b>Event loops.</b> {@link dev.oxbow.fdpassing.eventloop.DescriptorLoop} puts any descriptor
 * that can be polled into the epoll set of a Vert.x context, beside Vert.x's own sockets, and runs
 * tasks and timers there. A registration does not own its descriptor: cancel it, then close or send
 * the descriptor, since an epoll entry lives as long as the open file description and a number that
 * is gone cannot be removed. An event may be stale when a number was closed and reused within one
 * turn of the loop, so handlers ask the kernel and believe EAGAIN. {@link
 * dev.oxbow.fdpassing.eventloop.NetSockets} takes live connections out of Vert.x and puts them in.
 *
 * <p><b>Messages.</b> Processes exchange packets over SOCK_SEQPACKET: boundaries are kept, and up
 * to 253 descriptors ride on a packet and arrive close-on-exec. Nothing is queued here; a full peer
 * is told to the sender and the bytes wait where they come from. If a descriptor was lost on the
 * way, all others of its packet are closed and the packet says so.
 *
 * <p><b>What is not done.</b> No Java streams or channels around descriptors; no thread of its own;
 * no JSON; no policy about who may send what. Netty's own passing of descriptors is not used (one
 * per message, and it changes shared flags), nor junixsocket's (60 at most, inherited by children):
 * junixsocket makes sockets that have a path, and that is all. There is no finalizer: a descriptor
 * that nobody closes leaks, and the tests of all modules look for that.
 */
@NullMarked
package dev.oxbow.fdpassing;

import org.jspecify.annotations.NullMarked;
