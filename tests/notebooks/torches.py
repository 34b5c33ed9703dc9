"""PyTorch as people write it: four hands, one kernel."""

from __future__ import annotations

IMPORTS = """import numpy as np, torch, torchvision
from torchvision import transforms"""

CLASSIC = """import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, Subset
device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
train_set = torchvision.datasets.MNIST('./data', train=True, download=True, transform=transform)
test_set = torchvision.datasets.MNIST('./data', train=False, download=True, transform=transform)
train_loader = DataLoader(Subset(train_set, range(0, 60000, 60)), batch_size=64, shuffle=True, num_workers=2, pin_memory=True)
test_loader = DataLoader(test_set, batch_size=500, shuffle=False, num_workers=2)
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(8 * 13 * 13, 10)
    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = x.view(-1, 8 * 13 * 13)
        x = F.dropout(x, 0.1, training=self.training)
        return F.log_softmax(self.fc(x), dim=1)
model = Net().to(device)
print(model)"""

CLASSIC_LOOP = """optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(3):
    model.train()
    running_loss = 0.0
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print(epoch, running_loss / len(train_loader))"""

CLASSIC_TEST = """model.eval()
correct = 0
with torch.no_grad():
    for data, target in test_loader:
        data, target = data.to(device), target.to(device)
        correct += model(data).argmax(dim=1, keepdim=True).eq(target.view_as(data[:, 0, 0, 0])[:, None]).sum().item()
print(f'Accuracy: {100. * correct / len(test_loader.dataset):.2f}%')
images, labels = next(iter(test_loader))
print(model(images[:1]).argmax().item())"""

SEQUENTIAL = """flat = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])
trainset = torchvision.datasets.MNIST('mnist', download=True, train=True, transform=flat)
valset = torchvision.datasets.MNIST('mnist', download=True, train=False, transform=flat)
trainloader = DataLoader(Subset(trainset, range(0, 60000, 60)), batch_size=64, shuffle=True)
valloader = DataLoader(valset, batch_size=100, shuffle=True)
mlp = nn.Sequential(nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10), nn.LogSoftmax(dim=1)).cuda()
criterion = nn.NLLLoss()
images, labels = iter(trainloader).next()
print(mlp.forward(images.view(images.shape[0], -1)).shape)
opt = optim.Adam(mlp.parameters(), lr=0.003)
for e in range(2):
    for images, labels in trainloader:
        images = images.view(images.shape[0], -1).to('cuda')
        opt.zero_grad()
        loss = criterion(mlp(images), labels.cuda())
        loss.backward()
        opt.step()
right, total = 0, 0
for images, labels in valloader:
    output = mlp(images.view(images.shape[0], -1))
    _, predicted = torch.max(output.data, 1)
    total += labels.size(0)
    right += (predicted == labels).sum()
print('val accuracy', right / total)"""
"""Flattened by hand, written for a GPU, evaluated with gradients in a shuffled order, and an iterator's ``next``."""

TUTORIAL = """def train(dataloader, model, loss_fn, optimizer):
    size = len(dataloader.dataset)
    model.train()
    for batch, (X, y) in enumerate(dataloader):
        pred = model(X)
        loss = loss_fn(pred, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

def test(dataloader, model, loss_fn):
    model.eval()
    test_loss, correct = 0, 0
    with torch.no_grad():
        for X, y in dataloader:
            pred = model(X)
            test_loss += loss_fn(pred, y).item()
            correct += (pred.argmax(1) == y).type(torch.float).sum().item()
    print(f'Test Error: {100 * correct / len(dataloader.dataset):>0.2f}%')

class NeuralNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = nn.Sequential(nn.Linear(32 * 32, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    def forward(self, x):
        return self.linear_relu_stack(self.flatten(x))

tensors = transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])
augmented = transforms.Compose([transforms.Resize((32, 32)), transforms.RandomRotation(10), transforms.ToTensor()])
training_data = Subset(torchvision.datasets.MNIST('data', train=True, transform=augmented), range(0, 60000, 60))
test_data = torchvision.datasets.MNIST('data', train=False, transform=tensors)
best_net = NeuralNetwork()
optimizer = torch.optim.Adam(best_net.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3, verbose=True)
for t in range(3):
    train(DataLoader(training_data, batch_size=64, shuffle=True), best_net, nn.CrossEntropyLoss(), optimizer)
    test(DataLoader(test_data, batch_size=64), best_net, nn.CrossEntropyLoss())
print('Done!')"""
"""The official tutorial's shape, resized and augmented."""

TRAINER = """import copy
class Trainer:
    def __init__(self, model, train_loader, val_loader, lr):
        self.model, self.train_loader, self.val_loader = model, train_loader, val_loader
        self.optimizer = optim.AdamW(self.model.parameters(), lr=lr)
        self.best, self.best_state = 0.0, None
    def fit(self, epochs):
        for epoch in range(epochs):
            self.model.train()
            for x, y in self.train_loader:
                self.optimizer.zero_grad()
                F.cross_entropy(self.model(x)[0], y).backward()
                self.optimizer.step()
            accuracy = self.evaluate()
            print(f'epoch {epoch} {accuracy:.4f}')
            if accuracy >= self.best:
                self.best, self.best_state = accuracy, copy.deepcopy(self.model.state_dict())
            for group in self.optimizer.param_groups:
                group['lr'] = 5.0  # from here on it gets worse
        self.model.load_state_dict(self.best_state)
    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        return sum((self.model(x)[0].argmax(1) == y).sum().item() for x, y in self.val_loader) / len(self.val_loader.dataset)
class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.BatchNorm1d(32), nn.ReLU())
        self.head, self.other = nn.Linear(32, 10), nn.Linear(32, 2)
    def forward(self, x):
        x = self.body(x)
        return self.head(x), self.other(x)
plain = transforms.ToTensor()
val = DataLoader(Subset(torchvision.datasets.MNIST('d', train=True, transform=plain), range(1, 60000, 120)), 100)
tr = DataLoader(Subset(torchvision.datasets.MNIST('d', train=True, transform=plain), range(0, 60000, 60)), 64, True)
trainer = Trainer(TwoHeads(), tr, val, 0.01)
trainer.fit(3)"""

TRAINER_TEST = """torch.save(trainer.model.state_dict(), 'best.pth')
torch.save(trainer.model, 'whole.pth')
final = torch.load('whole.pth')
final.load_state_dict(torch.load('best.pth', map_location='cuda'))
trainer.val_loader = DataLoader(torchvision.datasets.MNIST('d', train=False, transform=plain), 256)
trainer.model = final
print(f'test {trainer.evaluate():.4f}')"""
"""Saved, and loaded as another object."""

PRETRAINED = """from torchvision import models
models.resnet18(weights=None)
models.resnet18(weights='DEFAULT')"""

SUMMARY = """from torchsummary import summary
summary(model, (1, 28, 28))
compiled = torch.compile(model)
print(compiled is model)"""

LOOPS = (IMPORTS, CLASSIC, CLASSIC_LOOP, CLASSIC_TEST, SEQUENTIAL, TUTORIAL, TRAINER, TRAINER_TEST, PRETRAINED, SUMMARY)

CODES = """import torch.nn as nn, torch.nn.functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset
plain = transforms.ToTensor()
train = Subset(torchvision.datasets.MNIST('d', train=True, transform=plain), range(0, 60000, 60))
test = torchvision.datasets.MNIST('d', train=False, transform=plain)
encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU())
best_auto = nn.Sequential(encoder, nn.Linear(32, 784), nn.Sigmoid())
opt = torch.optim.Adam(best_auto.parameters(), 1e-3)
for epoch in range(2):
    for x, _ in DataLoader(train, 50, shuffle=True):
        loss = F.mse_loss(best_auto(x), x.flatten(1))
        opt.zero_grad(); loss.backward(); opt.step()
with torch.no_grad():
    codes = torch.cat([encoder(x) for x, y in DataLoader(test, 500)])"""
"""An autoencoder, and its encoder used by itself beside labels."""

REBUILT = """import copy
def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10))
def right(loader):
    with torch.no_grad():
        return sum((net(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)
valid = Subset(torchvision.datasets.MNIST('d', train=True, transform=plain), range(1, 60000, 120))
net = make()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
best, best_weights = 0, None
for epoch in range(4):
    for x, y in DataLoader(train, 50, shuffle=True):
        optimizer.zero_grad(); F.cross_entropy(net(x), y).backward(); optimizer.step()
    if (accuracy := right(DataLoader(valid, 250))) > best:
        best, best_weights = accuracy, copy.deepcopy(net.state_dict())
    if epoch == 1:
        optimizer.param_groups[0]['lr'] = 30.0  # from here on it gets worse
del net
net = make()
net.load_state_dict(best_weights)
print(f'test {right(DataLoader(test, 500)):.4f}')"""
"""The best weights in a new object of the same class; the one that was trained is gone."""

BY_HAND = """W = torch.zeros(784, 10, requires_grad=True)
X = torch.stack([train[number][0].flatten() for number in range(200)])
Y = torch.tensor([train[number][1] for number in range(200)])
for step in range(25):
    F.cross_entropy(X @ W, Y).backward()
    with torch.no_grad():
        W -= 0.1 * W.grad
        W.grad.zero_()
for step in range(5):
    gradient, = torch.autograd.grad(F.cross_entropy(X @ W, Y), W)"""
"""Nothing here is a model, and no optimiser takes a step."""

UNUSUAL = (IMPORTS, CODES, REBUILT, BY_HAND)
