/** The other end of a control socket, for programs that run on Vert.x. */
@NullMarked
package dev.oxbow.service.client;

import org.jspecify.annotations.NullMarked;
