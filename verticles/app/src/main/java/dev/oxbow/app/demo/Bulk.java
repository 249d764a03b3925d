package dev.oxbow.app.demo;

import dev.oxbow.app.demo.client.Event;
import dev.oxbow.app.demo.client.Order;
import dev.oxbow.app.demo.client.Task;
import dev.oxbow.fdpassing.device.Namespace;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What a client does on a thread of the demo's inside a namespace; paced until it is released. */
final class Bulk {
  private static final int BYTES_PER_SECOND = 1 << 20;

  /** Small, so that what the client reads has just come. */
  private static final int RECEIVE_BUFFER = 64 * 1024;

  /** Linux doubles what is asked for, and the client reads ahead a little. */
  static final long BUFFERED_BYTES = 3 * RECEIVE_BUFFER;

  private final WebFile file;
  private final Task task;
  private final CompletableFuture<Event> end;

  private Bulk(WebFile file, Task task, CompletableFuture<Event> end) {
    this.file = file;
    this.task = task;
    this.end = end;
  }

  /** Begins a download. */
  static Bulk begin(Network.Place place, String host, WebFile file) {
    String id = "bulk-" + place.lowerCase();
    return begin(
        place, host, file, Order.download(id, file.path(), BYTES_PER_SECOND, RECEIVE_BUFFER));
  }

  /** Begins something that an order says. */
  static Bulk begin(Network.Place place, String host, WebFile file, Order order) {
    InetSocketAddress http = new InetSocketAddress(host, OriginProcesses.HTTP_PORT);
    Task task = new Task(order, http, http);
    Namespace namespace = Network.enter(place);
    CompletableFuture<Event> end = namespace.submit(task::run);
    return new Bulk(file, task, end.whenComplete((event, failure) -> namespace.close()));
  }

  /** What it asks for. */
  WebFile file() {
    return file;
  }

  /** Whether bytes have come and more are to come. */
  boolean underWay() {
    return received() > 0 && !end.isDone();
  }

  long received() {
    return task.progress().received();
  }

  Event progress() {
    return task.progress();
  }

  /** From here on it is as quick as it can. */
  void release() {
    task.release();
  }

  /** Waits for its end. */
  Event await(long seconds) throws InterruptedException, TimeoutException {
    try {
      return end.get(seconds, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new IllegalStateException(task.progress().id() + ": " + e.getCause(), e);
    }
  }
}
