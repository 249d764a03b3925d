/**
 * The control socket: who may connect, requests and their answers, events on their way out, and
 * messages that are too large for a packet.
 */
@NullMarked
package dev.oxbow.service.control;

import org.jspecify.annotations.NullMarked;
