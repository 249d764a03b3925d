/**
 * What lets one process go on where another stopped.
 *
 * <p>The idea of Oxbow is that state lives in the kernel and a process only holds the hands. Every
 * byte in flight is in a kernel object (socket, pipe, queue), and every table is in memory that is
 * backed by a memfd and mapped from the start ({@code state}). A process that is given the same
 * descriptors and maps the same memory can therefore continue at any moment, whatever happened to
 * the one before; nothing is encoded while traffic waits.
 *
 * <p>Two things follow for whoever keeps state here. A record says what is about to be true before
 * the kernel object changes (a pipe is attached in the record before the first byte goes into it),
 * so that a reader after a crash finds too much rather than too little. And what is free is what no
 * record names: there is no stored free list that could be caught half-written.
 *
 * <p>Work is started in groups that can be awaited ({@code task}); a group holds nothing of what is
 * finished.
 */
@NullMarked
package dev.oxbow.handoff;

import org.jspecify.annotations.NullMarked;
