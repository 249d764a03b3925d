package dev.oxbow.pair.loan;

/**
 * One block, lent once.
 *
 * @param block as both nodes call it
 * @param epoch which of all the loans that this block ever sees; unique, in no order, not 0 or -1
 */
public record Loan(Blocks.Id block, long epoch) {

  @Override
  public String toString() {
    return block.index() + "#" + Long.toHexString(epoch >>> 40);
  }
}
