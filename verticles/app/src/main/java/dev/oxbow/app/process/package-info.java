/**
 * The process and its surroundings: signals, a Vert.x on native epoll, and how to start this same
 * program once more.
 */
@NullMarked
package dev.oxbow.app.process;

import org.jspecify.annotations.NullMarked;
