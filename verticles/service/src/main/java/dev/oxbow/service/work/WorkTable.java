package dev.oxbow.service.work;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.handoff.task.TaskGroup;
import dev.oxbow.service.control.Client;
import dev.oxbow.service.control.Request;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The work that a service has in hand, by id: what {@code list} shows and {@code abort} ends, each
 * to its owner. Control loop only.
 */
public final class WorkTable<W extends LiveWork> {

  /** Entries in one page at most. */
  public static final int MAX_PAGE = 1000;

  /** Ids go on where no earlier process can have been: seconds of the clock, then a count. */
  private static final int IDS_PER_SECOND_BITS = 20;

  private static final int RADIX = 36;

  /** Metadata in one page at most, so that a page is built in a moment. */
  private static final int MAX_PAGE_BYTES = 1 << 20;

  private final String kind;
  private final TaskGroup tasks = new TaskGroup();
  private final TreeMap<Long, W> live = new TreeMap<>();
  private final Reason[] reasons;
  private final Map<Reason, Long> ended = new HashMap<>();
  private long lastId = (System.currentTimeMillis() / 1000) << IDS_PER_SECOND_BITS;
  private boolean stopping;

  /**
   * @param kind what a piece of work is called, such as {@code relay}
   * @param reasons all for which it may end
   */
  public WorkTable(String kind, Reason[] reasons) {
    this.kind = kind;
    this.reasons = reasons;
  }

  /**
   * Asks whether more may begin.
   *
   * @throws RequestException {@code unavailable}
   */
  public void requireOpen() {
    if (stopping) {
      throw new RequestException(ErrorCode.UNAVAILABLE, "the service is stopping");
    }
  }

  /** An id that nothing has had. */
  public long newId() {
    return ++lastId;
  }

  /** What another process needs to go on: the last id, and how much has ended, by why. */
  public void export(MessageWriter out) {
    out.number("lastId", lastId).object("ended");
    ended.forEach((reason, count) -> out.number(reason.wireName(), count));
    out.end();
  }

  /**
   * Goes on from what another process wrote.
   *
   * @throws RequestException naming what is missing
   */
  public void restore(Message record) {
    lastId = Math.max(lastId, record.integer("lastId", 0, Long.MAX_VALUE));
    Message counts = record.member("ended");
    for (String name : counts.names()) {
      long count = counts.integer(name, 0, Long.MAX_VALUE);
      ended.merge(Reason.of(reasons, name), count, Long::sum);
    }
  }

  /** Writes how much has ended, by why, into the open object. */
  public void stats(MessageWriter out) {
    out.object("ended");
    for (Reason reason : reasons) {
      out.number(reason.wireName(), ended.getOrDefault(reason, 0L));
    }
    out.end();
  }

  /** An id as callers know it. */
  public static String name(long id) {
    return Long.toString(id, RADIX);
  }

  /** The number behind a name, or -1. */
  public static long idOf(String name) {
    try {
      long id = Long.parseLong(name, RADIX);
      return name(id).equals(name) ? id : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  /** Work has begun; its mailbox stays until {@link #ended}. */
  public void begin(long id, W work) {
    live.put(id, work);
    work.mailbox().use();
    tasks.begin();
  }

  /** The work of an id, or null. */
  public @Nullable W get(long id) {
    return live.get(id);
  }

  /**
   * Takes out work that is over.
   *
   * @throws IllegalStateException when there is none of that id
   */
  public W remove(long id) {
    W work = live.remove(id);
    if (work == null) {
      throw new IllegalStateException("no " + kind + " " + name(id));
    }
    return work;
  }

  /** Work that was taken out has been reported: why it ended. */
  public void ended(W work, Reason reason) {
    ended.merge(reason, 1L, Long::sum);
    work.mailbox().unuse();
    tasks.end();
  }

  /** All that lives, oldest first. */
  public Collection<W> live() {
    return live.values();
  }

  /** Forgets all of it, as if it had never been here. */
  public void clear() {
    live.clear();
  }

  /**
   * A page of a client's work.
   *
   * @param after the last entry of the page before, or null
   * @param limit 1 to {@link #MAX_PAGE}
   * @throws RequestException {@code bad-request} naming what is wrong
   */
  public Page<W> list(Client client, @Nullable String after, int limit) {
    if (limit < 1 || limit > MAX_PAGE) {
      throw RequestException.badField("limit", "is " + limit + "; expected 1 to " + MAX_PAGE);
    }
    long from = after == null ? 0 : idOf(after);
    if (from < 0) {
      throw RequestException.badField("after", "is not the id of a " + kind + ": " + after);
    }
    List<W> page = new ArrayList<>();
    long bytes = 0;
    for (W work : live.tailMap(from, false).values()) {
      if (!client.owns(work.mailbox())) {
        continue;
      }
      boolean full = bytes > 0 && bytes + work.metadata().length() > MAX_PAGE_BYTES;
      if (page.size() == limit || full) {
        return new Page<>(page, page.get(page.size() - 1).name());
      }
      bytes += work.metadata().length();
      page.add(work);
    }
    return new Page<>(page, null);
  }

  /**
   * Answers {@code list}.
   *
   * @param members writes what is to be said of one, besides its id and its metadata
   */
  public MessageWriter list(Request request, BiConsumer<W, MessageWriter> members) {
    request.requireDescriptors();
    int limit = (int) request.message().integer("limit", 1, MAX_PAGE, MAX_PAGE);
    Page<W> page = list(request.client(), request.message().string("after", null), limit);
    MessageWriter answer = request.ok().array(kind + "s");
    for (W work : page.items()) {
      answer.element().string(kind, work.name());
      members.accept(work, answer);
      answer.raw("metadata", work.metadata()).end();
    }
    answer.endArray();
    return page.next() == null ? answer : answer.string("next", page.next());
  }

  /**
   * Work that is a client's.
   *
   * @throws RequestException {@code not-found} when it is not
   */
  public W owned(Client client, String name) {
    W work = live.get(idOf(name));
    if (work == null || !client.owns(work.mailbox())) {
      throw new RequestException(ErrorCode.NOT_FOUND, kind + ": no " + kind + " " + name);
    }
    return work;
  }

  /** Answers {@code abort}. */
  public MessageWriter abort(Request request, Consumer<W> end) {
    request.requireDescriptors();
    end.accept(owned(request.client(), request.message().string(kind)));
    return request.ok();
  }

  /** Lets no more begin and ends all of it; completes when all of it has been reported. */
  public Future<Void> stop(Consumer<W> end) {
    stopping = true;
    List.copyOf(live.values()).forEach(end);
    return tasks.whenIdle();
  }
}
