package dev.oxbow.pair.loan;

import java.util.random.RandomGenerator;

/** Numbers that no message ever had before, of this process or of any before it. */
final class Numbers {
  private final RandomGenerator random;

  Numbers(RandomGenerator random) {
    this.random = random;
  }

  /** 64 random bits, neither 0 nor -1. */
  long next() {
    long number = random.nextLong();
    return number == 0 || number == -1 ? next() : number;
  }
}
