package dev.oxbow.pair.link;

import dev.oxbow.fish.partner.PartnerLink;
import dev.oxbow.fish.partner.PartnerLinkContract;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A cluster in which tests say what gets through, and the links of its nodes. */
public final class TestWires {

  /** What both nodes of a pair are, but for their names and halves. */
  public static final String GRANTS = "203.0.113.7 20000-20999";

  private final List<Node> nodes = new ArrayList<>();
  private volatile boolean cut;
  private volatile boolean echoes;
  private volatile @Nullable Predicate<byte[]> lost;

  /** One that has opened a wire. */
  private final class Node implements Wire {
    private final Consumer<byte[]> receiver;
    private final Runnable left;

    Node(Consumer<byte[]> receiver, Runnable left) {
      this.receiver = receiver;
      this.left = left;
    }

    @Override
    public void send(byte[] frame) {
      synchronized (nodes) {
        Predicate<byte[]> loses = lost;
        if (cut || (loses != null && loses.test(frame))) {
          return;
        }
        boolean back = echoes;
        nodes.stream()
            .filter(node -> back || node != this)
            .forEach(node -> node.receiver.accept(frame));
      }
    }

    @Override
    public void close() {
      synchronized (nodes) {
        nodes.remove(this);
      }
    }
  }

  /** Opens a wire of the cluster. */
  public Wire open(Consumer<byte[]> receiver, Runnable left) {
    synchronized (nodes) {
      Node node = new Node(receiver, left);
      nodes.add(node);
      return node;
    }
  }

  /** Tells every node that all others have left. */
  void removeAll() {
    synchronized (nodes) {
      nodes.forEach(node -> node.left.run());
    }
  }

  /** Whether nothing gets through. */
  public void cut(boolean now) {
    cut = now;
  }

  /** Brings senders their own frames, too, as a cluster may that takes them for another's. */
  void echo() {
    echoes = true;
  }

  /** Loses what this says. */
  void lose(@Nullable Predicate<byte[]> frames) {
    lost = frames;
  }

  /** Who a node of a good pair is. */
  public static Introduction node(boolean first) {
    return new Introduction(first ? "edge-1" : "edge-2", "0.1.0", first, GRANTS, 100, 10);
  }

  /** Waits until a link has left. */
  public static void close(Link link) {
    try {
      link.close().get(10, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError("a link that does not end", e);
    }
  }

  /** Two nodes whose wires go through {@code cut}. */
  public static PartnerLinkContract.Pair pair(
      Wire.Opener one, Wire.Opener other, Consumer<Boolean> cut) {
    Link first = new Link(one, node(true), "a common secret", new Random());
    Link second = new Link(other, node(false), "a common secret", new Random());
    first.start();
    second.start();
    return new PartnerLinkContract.Pair() {
      @Override
      public PartnerLink one() {
        return first;
      }

      @Override
      public PartnerLink other() {
        return second;
      }

      @Override
      public void cut() {
        cut.accept(true);
      }

      @Override
      public void heal() {
        cut.accept(false);
      }

      @Override
      public void leave() {
        TestWires.close(second);
      }

      @Override
      public void close() {
        TestWires.close(first);
        TestWires.close(second);
      }
    };
  }
}
