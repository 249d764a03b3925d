package dev.oxbow.app.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.app.demo.client.Event;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class ClientProcessTest {
  @TempDir private Path folder;

  @Test
  void progressThatIsToldLateDoesNotUndoAnEnd() throws InterruptedException {
    List<String> lines =
        List.of(
            event(Event.Kind.PROGRESS, "one", 1).line(),
            event(Event.Kind.DONE, "one", 2).line(),
            event(Event.Kind.PROGRESS, "one", 2).line(),
            event(Event.Kind.DONE, "last", 0).line());
    try (Cleanup cleanup = new Cleanup()) {
      ClientProcess clients =
          new ClientProcess(
              Child.start(
                  "clients",
                  List.of(
                      "printf",
                      "%s\\n%s\\n%s\\n%s\\n",
                      lines.get(0),
                      lines.get(1),
                      lines.get(2),
                      lines.get(3)),
                  folder,
                  ProcessBuilder.Redirect.PIPE,
                  cleanup));
      clients.await("the last line", 10, events -> events.containsKey("last"));
      assertThat(clients.events().get("one").kind()).isEqualTo(Event.Kind.DONE);
      assertThat(clients.bytes()).isEqualTo(2);
    }
  }

  private static Event event(Event.Kind kind, String id, long sent) {
    return new Event(kind, id, sent, 0, 1, 1, 0, "-", "");
  }
}
