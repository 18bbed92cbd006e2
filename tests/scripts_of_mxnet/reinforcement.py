"""Actor and critic on a walk along a line: bind, backward with head gradients, an updater."""

import mxnet as mx
import numpy as np

rng = np.random.RandomState(10)
length, gamma = 6, 0.9


class Walk(object):
    """Go right to win; what is seen is where one stands."""

    def reset(self):
        self.place = 2
        return self.see()

    def see(self):
        seen = np.zeros(length, np.float32)
        seen[self.place] = 1
        return seen

    def step(self, action):
        self.place += 1 if action else -1
        done = self.place in (0, length - 1)
        return self.see(), float(self.place == length - 1), done


data = mx.sym.Variable("data")
hidden = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=8, name="fc1"), act_type="tanh")
policy = mx.sym.SoftmaxActivation(
    mx.sym.FullyConnected(hidden, num_hidden=2, name="policy"), name="p"
)
value = mx.sym.FullyConnected(hidden, num_hidden=1, name="value")
log_policy = mx.sym.log(policy, name="log_policy")
entropy = mx.sym.sum(-policy * log_policy, axis=1, name="entropy")
net = mx.sym.Group([log_policy, value, entropy])

shapes = dict(zip(net.list_arguments(), net.infer_shape(data=(1, length))[0]))
arrays = {n: mx.nd.array(0.5 * rng.randn(*s)) for n, s in shapes.items()}
grads = {n: mx.nd.zeros(s) for n, s in shapes.items() if n != "data"}
updater = mx.optimizer.get_updater(mx.optimizer.Adam(learning_rate=0.05))
exe = net.bind(mx.cpu(), arrays, args_grad=grads, grad_req={n: "add" for n in grads})
env, rewards, lengths = Walk(), [], []
for episode in range(15):
    state, done, history = env.reset(), False, []
    while not done and len(history) < 20:
        exe.forward(is_train=False, data=mx.nd.array(state[np.newaxis]))
        probabilities = np.exp(exe.outputs[0].asnumpy()[0])
        action = int(rng.uniform() < probabilities[1])
        following, reward, done = env.step(action)
        history.append((state, action, reward, float(exe.outputs[1].asnumpy()[0, 0])))
        state = following
    rewards.append(sum(step[2] for step in history))
    lengths.append(len(history))
    for grad in grads.values():
        grad[:] = 0
    outcome = 0.0
    for state, action, reward, expected in reversed(history):
        outcome = reward + gamma * outcome
        exe.forward(is_train=True, data=mx.nd.array(state[np.newaxis]))
        head = np.zeros((1, 2))
        head[0, action] = expected - outcome
        exe.backward([mx.nd.array(head), mx.nd.array([[expected - outcome]]), mx.nd.array([-0.01])])
    for i, name in enumerate(sorted(grads)):
        updater(i, grads[name], arrays[name])

RESULT = {"rewards": rewards, "lengths": lengths}
RESULT.update({name: arrays[name].asnumpy() for name in grads})
