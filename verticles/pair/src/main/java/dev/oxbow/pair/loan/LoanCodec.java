package dev.oxbow.pair.loan;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Messages of loans as bytes, all big-endian.
 *
 * <pre>
 *  0 version u8 (1)   1 kind u8
 *  2 request or question u64 (not of a return)
 *    use ms u64 (borrow, renew, lent) or rest ms u64 (held)
 *    blocks u32 (borrow), address high u64, address low u64 (borrow, held)
 *    loans (renew, lent, return, held): count u32, then of each
 *      address high u64   address low u64   index u16   epoch u64
 * </pre>
 */
public final class LoanCodec {
  private static final byte VERSION = 1;
  private static final byte BORROW = 1;
  private static final byte RENEW = 2;
  private static final byte LENT = 3;
  private static final byte RETURN = 4;
  private static final byte ASK = 5;
  private static final byte HELD = 6;
  private static final int FIXED_BYTES = 38;
  private static final int LOAN_BYTES = 26;

  private LoanCodec() {}

  /** The bytes of a message. */
  public static byte[] encode(LoanMessage message) {
    if (message instanceof LoanMessage.Borrow borrow) {
      Blocks.Address of = borrow.of();
      return bytes(
          begin(BORROW, 0, borrow.request(), borrow.useMs())
              .putInt(borrow.blocks())
              .putLong(of.high())
              .putLong(of.low()));
    } else if (message instanceof LoanMessage.Renew renew) {
      int count = renew.loans().size();
      return loans(begin(RENEW, count, renew.request(), renew.useMs()), renew.loans());
    } else if (message instanceof LoanMessage.Lent lent) {
      int count = lent.loans().size();
      return loans(begin(LENT, count, lent.request(), lent.useMs()), lent.loans());
    } else if (message instanceof LoanMessage.Return returned) {
      return loans(begin(RETURN, returned.loans().size()), returned.loans());
    } else if (message instanceof LoanMessage.Ask ask) {
      return bytes(begin(ASK, 0, ask.question()));
    }
    LoanMessage.Held held = (LoanMessage.Held) message;
    Blocks.Address of = held.of();
    return loans(
        begin(HELD, held.loans().size(), held.question(), held.restMs(), of.high(), of.low()),
        held.loans());
  }

  private static ByteBuffer begin(byte kind, int loans, long... fields) {
    ByteBuffer out = ByteBuffer.allocate(FIXED_BYTES + loans * LOAN_BYTES);
    out.put(VERSION).put(kind);
    for (long field : fields) {
      out.putLong(field);
    }
    return out;
  }

  private static byte[] loans(ByteBuffer out, List<Loan> loans) {
    out.putInt(loans.size());
    for (Loan loan : loans) {
      Blocks.Id block = loan.block();
      out.putLong(block.high()).putLong(block.low()).putShort((short) block.index());
      out.putLong(loan.epoch());
    }
    return bytes(out);
  }

  private static byte[] bytes(ByteBuffer out) {
    byte[] bytes = new byte[out.flip().remaining()];
    out.get(bytes);
    return bytes;
  }

  /**
   * The message of bytes.
   *
   * @throws IllegalArgumentException saying what is wrong with them
   */
  public static LoanMessage decode(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    try {
      byte version = in.get();
      if (version != VERSION) {
        throw new IllegalArgumentException("a message of loans of version " + version);
      }
      LoanMessage message = message(in.get(), in);
      if (in.hasRemaining()) {
        throw new IllegalArgumentException(in.remaining() + " bytes behind a message of loans");
      }
      return message;
    } catch (BufferUnderflowException e) {
      throw new IllegalArgumentException(
          "a message of loans ends after " + bytes.length + " bytes", e);
    }
  }

  private static LoanMessage message(byte kind, ByteBuffer in) {
    return switch (kind) {
      case BORROW -> new LoanMessage.Borrow(in.getLong(), durationMs(in), in.getInt(), address(in));
      case RENEW -> new LoanMessage.Renew(in.getLong(), durationMs(in), loans(in));
      case LENT -> new LoanMessage.Lent(in.getLong(), durationMs(in), loans(in));
      case RETURN -> new LoanMessage.Return(loans(in));
      case ASK -> new LoanMessage.Ask(in.getLong());
      case HELD -> new LoanMessage.Held(in.getLong(), durationMs(in), address(in), loans(in));
      default -> throw new IllegalArgumentException("a message of loans of kind " + kind);
    };
  }

  private static Blocks.Address address(ByteBuffer in) {
    return new Blocks.Address(in.getLong(), in.getLong());
  }

  /** Within two days, so that sums of times are no trap. */
  private static long durationMs(ByteBuffer in) {
    long ms = in.getLong();
    if (ms < 0 || ms > LoanTimes.DAY_MS * 2) {
      throw new IllegalArgumentException("a duration of " + ms + " ms");
    }
    return ms;
  }

  private static List<Loan> loans(ByteBuffer in) {
    int count = in.getInt();
    if (count < 0 || count > in.remaining() / LOAN_BYTES) {
      throw new IllegalArgumentException(count + " loans in " + in.remaining() + " bytes");
    }
    List<Loan> loans = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      long high = in.getLong();
      long low = in.getLong();
      int index = Short.toUnsignedInt(in.getShort());
      if (index >= Blocks.OF_ADDRESS) {
        throw new IllegalArgumentException("block " + index + " of an address");
      }
      long epoch = in.getLong();
      if (epoch == LoanRecords.FREE || epoch == LoanRecords.UNKNOWN) {
        throw new IllegalArgumentException("loans have no epoch " + epoch);
      }
      loans.add(new Loan(new Blocks.Id(high, low, index), epoch));
    }
    return loans;
  }
}
