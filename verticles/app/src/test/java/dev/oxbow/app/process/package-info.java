/** Tests of signals and of Vert.x on native epoll. */
@NullMarked
package dev.oxbow.app.process;

import org.jspecify.annotations.NullMarked;
