/**
 * Any descriptor on a Vert.x event loop: registration with the loop's epoll instance, tasks and
 * timers of that loop. The only package that touches what Vert.x and Netty keep internal.
 */
@NullMarked
package dev.oxbow.fdpassing.eventloop;

import org.jspecify.annotations.NullMarked;
