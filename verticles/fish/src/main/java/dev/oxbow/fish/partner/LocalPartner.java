package dev.oxbow.fish.partner;

import dev.oxbow.codecs.control.MessageWriter;
import io.vertx.core.Future;
import java.util.BitSet;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A partner on the same loop, that is always in reach: the double of a real one. What is lent comes
 * back when it is asked for, so that loans need no end.
 */
public final class LocalPartner implements Partner {
  private static final int STEP = 4;

  private final SharedPorts ports;
  private final boolean first;
  private final LocalLink link;
  private final BitSet borrowed = new BitSet();
  private @Nullable LocalPartner other;
  private boolean frozen = true;
  private boolean isShort;

  private LocalPartner(SharedPorts ports, boolean first, LocalLink link) {
    this.ports = ports;
    this.first = first;
    this.link = link;
  }

  /** Two of them; both have the same blocks. */
  public static Partner[] pair(SharedPorts one, SharedPorts other) {
    LocalLink[] links = LocalLink.pair();
    LocalPartner[] nodes = {
      new LocalPartner(one, true, links[0]), new LocalPartner(other, false, links[1])
    };
    nodes[0].other = nodes[1];
    nodes[1].other = nodes[0];
    return nodes;
  }

  private LocalPartner other() {
    return Objects.requireNonNull(other);
  }

  private boolean isOwn(int block) {
    return (ports.index(block) % 2 == 0) == first;
  }

  private boolean has(int block) {
    return isOwn(block) ? !other().borrowed.get(block) : borrowed.get(block);
  }

  private void publish() {
    for (int block = 0; block < ports.count() && !frozen; block++) {
      long until = has(block) ? SharedPorts.FOREVER : 0;
      ports.allow(block, isOwn(block), until, until);
    }
  }

  @Override
  public void thaw() {
    frozen = false;
    publish();
  }

  @Override
  public void freeze() {
    frozen = true;
  }

  /** Gives back what it does not need; the one that has it first is told last. */
  @Override
  public void tick() {
    for (int block = 0; block < ports.count() && !frozen && !isShort; block++) {
      if (borrowed.get(block) && ports.unused(block)) {
        borrowed.clear(block);
        publish();
        other().publish();
      }
    }
    isShort = false;
  }

  @Override
  public void ranShort(long high, long low) {
    isShort = true;
    if (frozen) {
      return;
    }
    int lent = 0;
    for (int block = 0; block < ports.count() && lent < STEP; block++) {
      boolean wanted = ports.high(block) == high && ports.low(block) == low;
      if (wanted && other().isOwn(block) && other().lends(block)) {
        borrowed.set(block);
        other().publish();
        publish();
        lent++;
      }
    }
  }

  /** Whether a block is unused, and not of the last quarter. */
  private boolean lends(int block) {
    int own = 0;
    int unused = 0;
    for (int each = 0; each < ports.count(); each++) {
      own += isOwn(each) ? 1 : 0;
      unused += isOwn(each) && has(each) && ports.unused(each) ? 1 : 0;
    }
    return !frozen && has(block) && ports.unused(block) && unused > (own + 3) / 4;
  }

  @Override
  public PartnerLink link() {
    return link;
  }

  @Override
  public void stats(MessageWriter out) {
    out.flag("connected", link.isUp()).object("blocks").number("borrowed", borrowed.cardinality());
    out.end();
  }

  @Override
  public Future<Void> close(boolean inOrder) {
    freeze();
    link.close();
    return Future.succeededFuture();
  }
}
