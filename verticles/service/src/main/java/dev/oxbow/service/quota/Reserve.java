package dev.oxbow.service.quota;

import dev.oxbow.fdpassing.libc.Syscalls;

/** Descriptor numbers below the limit of the process that are kept for answers and errors. */
public final class Reserve {
  private static final int NUMBERS = 64;

  private final long first = Syscalls.descriptorLimit() - NUMBERS;

  /** Whether a descriptor's number is so high that hardly any is left. */
  public boolean contains(int fd) {
    return fd >= first;
  }
}
