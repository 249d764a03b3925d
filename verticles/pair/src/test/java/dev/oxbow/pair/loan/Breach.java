package dev.oxbow.pair.loan;

/** What a simulated pair does against the rules, so that the simulation can be seen to fail. */
enum Breach {
  NONE,
  /** A home takes back what has run out and lets it not rest. */
  NO_QUARANTINE,
  /** A block goes back while its ports rest. */
  RETURNED_UNRESTED,
  /** A node that has lost its memory takes all of its blocks for its own. */
  NO_WAIT_WITHOUT_MEMORY,
  /** A home takes what the partner has told of one address for all that it holds. */
  PART_TAKEN_FOR_ALL,
  /** Connections go on when their loan is over. */
  CONNECTIONS_OUTLIVE_LOANS,
  /** A process that stood still sends without looking at the clock. */
  NO_LOOK_AT_THE_CLOCK,
  /** A process that stood still takes messages with the time that it had read before. */
  TIME_OF_BEFORE,
  /** Clocks run apart by more than was said. */
  CLOCKS_BEYOND_THE_BOUND,
  /** Each process draws the same numbers for loans and requests. */
  NUMBERS_REPEAT,
  /** Both nodes are first. */
  TWO_FIRST_NODES
}
