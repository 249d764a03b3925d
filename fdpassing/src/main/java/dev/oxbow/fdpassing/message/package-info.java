/**
 * Messages with descriptors between processes: SOCK_SEQPACKET sockets, one packet a message, with
 * at most 253 descriptors in one SCM_RIGHTS record. See unix(7).
 */
@NullMarked
package dev.oxbow.fdpassing.message;

import org.jspecify.annotations.NullMarked;
