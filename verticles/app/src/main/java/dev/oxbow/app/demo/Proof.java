package dev.oxbow.app.demo;

/**
 * One promise and what was seen of it.
 *
 * @param name a word for scripts
 * @param promise what must hold
 * @param held whether it did
 * @param evidence the figures
 */
record Proof(String name, String promise, boolean held, String evidence) {}
