package dev.oxbow.app.demo.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class LinesTest {

  @Test
  void ordersComeBackAsTheyWent() {
    Order[] orders = {
      Order.download("a", "/x", 5, 6),
      Order.upload("b", "/y", 1, 2, 3),
      Order.requests("c", "/z", "00ff", 4),
      Order.keepAlive("d", "/z", "00ff", 5),
      Order.halfClose("e", 1, 2, 3),
      Order.lateSend("f", 1, 2, 3),
      Order.release("g")
    };
    for (Order order : orders) {
      assertThat(Order.parse(order.line())).isEqualTo(order);
    }
  }

  @Test
  void eventsComeBackAsTheyWent() {
    Event done = new Event(Event.Kind.DONE, "a", 1, 2, 3, 4, 5, "00ff", "");
    Event failed = new Event(Event.Kind.FAILED, "b", 1, 2, 3, 4, 5, "-", "what went wrong");
    assertThat(Event.parse(done.line())).isEqualTo(done);
    assertThat(Event.parse(failed.line())).isEqualTo(failed);
    assertThat(failed.ended()).isTrue();
  }
}
