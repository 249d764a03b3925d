package dev.oxbow.app.demo;

import dev.oxbow.app.demo.client.Event;
import dev.oxbow.app.demo.client.Order;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** The process with the clients, seen from the demo: orders go in, the newest events stay. */
final class ClientProcess {
  private final Child child;
  private final PrintStream orders;
  private final Map<String, Event> events = new LinkedHashMap<>();

  /**
   * @param child its standard streams are pipes
   */
  ClientProcess(Child child) {
    this.child = child;
    this.orders = new PrintStream(child.process().getOutputStream(), true, StandardCharsets.UTF_8);
    Thread reader = new Thread(this::read, "events of the clients");
    reader.setDaemon(true);
    reader.start();
  }

  void order(Order order) {
    orders.println(order.line());
  }

  /**
   * Adds what another client did. Nothing comes after an end: progress that was looked up before
   * it, on the clock's thread, may be told after it.
   */
  synchronized void add(Event event) {
    events.merge(event.id(), event, (before, now) -> before.ended() ? before : now);
    notifyAll();
  }

  /** The newest event of each task. */
  synchronized Map<String, Event> events() {
    return new LinkedHashMap<>(events);
  }

  /** Bytes that all tasks have sent and received. */
  synchronized long bytes() {
    return events.values().stream().mapToLong(event -> event.sent() + event.received()).sum();
  }

  /**
   * Waits until the events are as wanted.
   *
   * @throws IllegalStateException when they are not in time, or when a task fails
   */
  synchronized void await(String what, long seconds, Predicate<Map<String, Event>> wanted)
      throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (!wanted.test(events)) {
      for (Event event : events.values()) {
        if (event.kind() == Event.Kind.FAILED) {
          throw new IllegalStateException("client " + event.id() + ": " + event.detail());
        }
      }
      long leftMs = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (leftMs <= 0) {
        throw new IllegalStateException(what + ": not within " + seconds + " s");
      }
      wait(leftMs);
    }
  }

  private void read() {
    try (BufferedReader lines = child.process().inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        add(Event.parse(line));
      }
    } catch (IOException e) {
      add(new Event(Event.Kind.FAILED, "clients", 0, 0, 0, 0, 0, "-", e.toString()));
    }
  }
}
