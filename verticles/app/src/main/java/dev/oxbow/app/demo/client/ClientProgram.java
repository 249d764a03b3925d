package dev.oxbow.app.demo.client;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Takes orders until its input ends, which is also what happens when the demo dies. */
final class ClientProgram {
  private static final long PROGRESS_MS = 200;

  private final InetSocketAddress http;
  private final InetSocketAddress halfClose;
  private final Map<String, Task> running = new ConcurrentHashMap<>();

  ClientProgram(InetSocketAddress http, InetSocketAddress halfClose) {
    this.http = http;
    this.halfClose = halfClose;
  }

  void run(InputStream orders, PrintStream events) throws IOException {
    ExecutorService threads = Executors.newCachedThreadPool();
    ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    ScheduledFuture<?> telling =
        clock.scheduleAtFixedRate(
            () -> running.values().forEach(task -> tell(events, task.progress())),
            PROGRESS_MS,
            PROGRESS_MS,
            TimeUnit.MILLISECONDS);
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(orders, StandardCharsets.UTF_8));
    try {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        take(Order.parse(line), threads, events);
      }
    } finally {
      telling.cancel(false);
      clock.shutdownNow();
      threads.shutdownNow();
    }
  }

  private void take(Order order, ExecutorService threads, PrintStream events) {
    if (order.verb() == Order.Verb.RELEASE) {
      Task task = running.get(order.id());
      if (task != null) {
        task.release();
      }
      return;
    }
    Task task = new Task(order, http, halfClose);
    running.put(order.id(), task);
    threads.execute(
        () -> {
          Event end = task.run();
          running.remove(order.id());
          tell(events, end);
        });
  }

  private static void tell(PrintStream events, Event event) {
    synchronized (events) {
      events.println(event.line());
      events.flush();
    }
  }
}
