package dev.oxbow.app.demo;

import dev.oxbow.app.demo.client.Event;
import dev.oxbow.app.demo.client.Order;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What the clients do, and when: some things before the kill, some during it, some after, and some
 * while service and forwarder are replaced. Rates are low enough that what should last does last,
 * and high enough that bytes move all the time.
 */
final class Transfers {
  private static final long MIB = 1 << 20;
  static final long BIG_BYTES = 64 * MIB;
  static final long MEDIUM_BYTES = 24 * MIB;
  static final long SMALL_BYTES = 2048;
  static final long UPLOAD_BYTES = 48 * MIB;
  static final long HALF_CLOSE_BYTES = 8 * MIB;

  /** Seeds of uploads: this plus their number. */
  private static final long UPLOAD_SEED = 1000;

  private static final int DOWNLOADS = 6;
  private static final int ENDING_ALONE = 4;
  private static final int UPLOADS = 3;
  private static final int KEEP_ALIVES = 2;
  private static final int BURST_TASKS = 4;
  private static final int BURST_REQUESTS = 60;
  private static final int VISITORS = 3;
  private static final int VISITS_PER_SECOND = 100;
  private static final int SLOW_RECEIVE_BUFFER = 64 * 1024;

  static final String SLOW_READER = "slow-reader";
  static final String HALF_CLOSED = "half-closed";
  static final String LATE_SENDER = "late-sender";

  private final List<Order> before = new ArrayList<>();
  private final List<Order> lasting = new ArrayList<>();
  private final List<Order> endingAlone = new ArrayList<>();
  private final List<Order> during = new ArrayList<>();
  private final List<Order> after = new ArrayList<>();

  Transfers(WebFile big, WebFile medium, WebFile small) {
    for (int i = 1; i <= DOWNLOADS; i++) {
      lasting.add(Order.download("download-" + i, big.path(), MIB, 0));
    }
    for (int i = 1; i <= UPLOADS; i++) {
      String path = "/upload/" + i;
      lasting.add(Order.upload("upload-" + i, path, UPLOAD_SEED + i, UPLOAD_BYTES, 3 * MIB / 4));
    }
    for (int i = 1; i <= KEEP_ALIVES; i++) {
      lasting.add(Order.keepAlive("keep-alive-" + i, small.path(), small.sha256(), 100));
    }
    lasting.add(Order.download(SLOW_READER, big.path(), MIB / 4, SLOW_RECEIVE_BUFFER));
    lasting.add(Order.halfClose(HALF_CLOSED, 1, HALF_CLOSE_BYTES, MIB / 8));
    lasting.add(Order.lateSend(LATE_SENDER, 2, HALF_CLOSE_BYTES, MIB / 8));
    for (int i = 1; i <= ENDING_ALONE; i++) {
      endingAlone.add(Order.download("orphan-" + i, medium.path(), MIB / 3, 0));
    }
    for (int i = 1; i <= BURST_TASKS; i++) {
      before.add(Order.requests("burst-" + i, small.path(), small.sha256(), BURST_REQUESTS));
      after.add(Order.requests("new-" + i, small.path(), small.sha256(), BURST_REQUESTS));
    }
    for (int i = 1; i <= VISITORS; i++) {
      during.add(Order.visits("visitor-" + i, small.path(), small.sha256(), VISITS_PER_SECOND));
    }
    before.add(Order.halfClose("half-close-before", 3, HALF_CLOSE_BYTES, 0));
    after.add(Order.halfClose("half-close-after", 4, HALF_CLOSE_BYTES, 0));
    after.add(Order.lateSend("late-sender-after", 5, HALF_CLOSE_BYTES, 0));
  }

  /** Over before the forwarder is killed. */
  List<Order> before() {
    return before;
  }

  /** Begun before, and over only when the next forwarder is there. */
  List<Order> lasting() {
    return lasting;
  }

  /** Begun before, and over while there is no forwarder. */
  List<Order> endingAlone() {
    return endingAlone;
  }

  /** New connections all the time while service and forwarder are replaced. */
  List<Order> during() {
    return during;
  }

  /** Begun when the next forwarder is there. */
  List<Order> after() {
    return after;
  }

  /** Whether all those tasks have ended well. */
  static Predicate<Map<String, Event>> done(List<Order> orders) {
    return events ->
        orders.stream()
            .map(order -> events.get(order.id()))
            .allMatch(event -> event != null && event.kind() == Event.Kind.DONE);
  }

  /** Whether all those tasks are in the middle: bytes go both ways, and none has ended. */
  static Predicate<Map<String, Event>> underWay(List<Order> orders) {
    return events ->
        orders.stream()
            .map(order -> events.get(order.id()))
            .allMatch(
                event ->
                    event != null
                        && !event.ended()
                        && event.sent() > 0
                        && (event.received() > 0 || isUpload(event)));
  }

  private static boolean isUpload(Event event) {
    return event.id().startsWith("upload-");
  }
}
