package dev.oxbow.pair.loan;

import java.util.List;

/**
 * What two nodes tell one another. Any of it may be lost, late, doubled or out of order. Numbers of
 * requests and questions are unique, in no order, and not 0.
 */
public sealed interface LoanMessage {

  /** Loans that one message names at most: what is more is said in several. */
  int MOST_LOANS = 2_048;

  private static List<Loan> checked(List<Loan> loans) {
    if (loans.size() > MOST_LOANS) {
      throw new IllegalArgumentException(loans.size() + " loans in one message");
    }
    return List.copyOf(loans);
  }

  /**
   * Lend me blocks of an address. Answered by {@link Lent}.
   *
   * @param useMs true milliseconds from the moment of the request for which they will be used
   * @param blocks how many at most
   */
  record Borrow(long request, long useMs, int blocks, Blocks.Address of) implements LoanMessage {}

  /**
   * Lend me these for longer. Answered by {@link Lent}; what is missing there runs out.
   *
   * @param useMs true milliseconds from the moment of the request
   */
  record Renew(long request, long useMs, List<Loan> loans) implements LoanMessage {
    public Renew {
      loans = checked(loans);
    }
  }

  /**
   * What was lent, or lent for longer; empty where there is nothing to lend.
   *
   * @param useMs true milliseconds from the moment of the request, no more than were asked for
   */
  record Lent(long request, long useMs, List<Loan> loans) implements LoanMessage {
    public Lent {
      loans = checked(loans);
    }
  }

  /** The sender uses these no more, and their ports have rested. */
  record Return(List<Loan> loans) implements LoanMessage {
    public Return {
      loans = checked(loans);
    }
  }

  /** The sender has no memory of what it lent: what of it do you hold? Answered by {@link Held}. */
  record Ask(long question) implements LoanMessage {}

  /**
   * All that the sender holds of the other's of one address; there is one of each address, and each
   * is true by itself. It takes no block any more on an answer to what it asked before.
   *
   * @param restMs true milliseconds that others of the blocks may still have to rest
   */
  record Held(long question, long restMs, Blocks.Address of, List<Loan> loans)
      implements LoanMessage {
    public Held {
      loans = checked(loans);
    }
  }
}
