"""What ops of several families compute with; nothing here declares one."""
