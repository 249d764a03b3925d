package dev.oxbow.app.demo;

import java.util.List;

/**
 * One promise and what was seen of it.
 *
 * @param name a word for scripts
 * @param promise what must hold
 * @param held whether it did
 * @param shown whether this machine has what it takes to see that
 * @param evidence the figures
 */
record Proof(String name, String promise, boolean held, boolean shown, String evidence) {

  /** Of what was shown. */
  Proof(String name, String promise, boolean held, String evidence) {
    this(name, promise, held, true, evidence);
  }

  /** Of what this machine lacks something for. */
  static Proof notShown(String name, String promise, List<String> lacks) {
    return new Proof(name, promise, false, false, "not shown: " + String.join("; ", lacks));
  }
}
